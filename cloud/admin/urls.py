"""The console's addresses."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from cloud.admin.kit import registry
from cloud.admin.kit.action_view import act
from cloud.admin.kit.detail_view import detail
from cloud.admin.kit.export_view import export
from cloud.admin.kit.form_view import create, edit
from cloud.admin.kit.list_view import listing
from cloud.admin.kit.palette_view import go_to
from cloud.admin.sections import account, edges, explain, issue, live, orders, qr

app_name = "console"
registry.discover()

urlpatterns = [
    path("login", account.Login.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("language", account.set_language, name="language"),
    path("venue", account.choose_venue, name="venue"),
    path("", live.live, name="live"),
    path("live/board", live.live_board, name="live-board"),
    path("lanes/<int:device_id>/switch", live.switch_lane, name="switch-lane"),
    path("stations/<int:station_id>/switch", live.switch_station, name="switch-station"),
    path("orders", orders.orders, name="orders"),
    path("orders/new", issue.issue, name="issue"),
    path("orders/<str:number>", orders.order, name="order"),
    path("orders/<str:number>/revoke", orders.revoke, name="revoke"),
    path("orders/<str:number>/revocation", orders.revocation, name="revocation"),
    path("orders/<str:number>/<int:position>/qr", qr.qr, name="qr"),
    path("orders/<str:number>/<int:position>/reissue", orders.reissue, name="reissue"),
    path("orders/<str:number>/<int:position>/present", qr.present, name="present"),
    path("orders/<str:number>/<int:position>/presented", qr.presented, name="presented"),
    path("edges/<int:pk>/enrol", edges.enrolment, name="edge-enrol"),
    path("explain", explain.ask, name="explain"),
    path("explain/<int:pk>", explain.explained, name="explained"),
    path("go", go_to, name="go"),
    # Declared sections. After the pages above, which have their own views.
    path("<slug:key>", listing, name="section-list"),
    path("<slug:key>/new", create, name="section-create"),
    path("<slug:key>/export.<slug:suffix>", export, name="section-export"),
    path("<slug:key>/do/<slug:name>", act, name="section-action"),
    path("<slug:key>/<int:pk>", detail, name="section-detail"),
    path("<slug:key>/<int:pk>/edit", edit, name="section-edit"),
]
