"""The console's addresses."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from cloud.admin.sections import account, issue, live, orders, qr

app_name = "console"

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
]
