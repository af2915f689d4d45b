"""The console's addresses."""

from __future__ import annotations

from django.urls import path

from cloud.admin.kit import import_view, registry, saved_view
from cloud.admin.kit.bulk_view import act_on_rows
from cloud.admin.kit.detail_view import detail
from cloud.admin.kit.export_view import export
from cloud.admin.kit.form_view import create, edit
from cloud.admin.kit.list_view import listing
from cloud.admin.kit.palette_view import go_to
from cloud.admin.kit.work_view import work, work_cancel, work_file, work_list
from cloud.admin.sections import (
    account,
    edges,
    employees,
    explain,
    first_passwords,
    issue,
    live,
    login,
    login_rules,
    orders,
    overview,
    password,
    product_settings,
    qr,
    refund,
    reveal,
    role_matrix,
    second_factor,
    style,
    ticket,
)
from cloud.admin.sections.product_calendar import imports as calendar_imports
from cloud.admin.sections.product_calendar import views as product_calendar
from cloud.admin.sections.product_setup import media, tickets
from cloud.admin.sections.product_setup import page as setup

app_name = "console"
registry.discover()

urlpatterns = [
    path("login", login.Login.as_view(), name="login"),
    path("login/code", login.second_step, name="second-step"),
    path("login/ended", login.session_ended, name="session-ended"),
    path("logout", login.log_out, name="logout"),
    path("account", account.account, name="account"),
    path("account/password", password.password, name="password"),
    path("account/second-factor", second_factor.second_factor, name="second-factor"),
    path("account/sessions/end-others", account.end_others, name="end-others"),
    path("account/sessions/<int:pk>/end", account.end_session, name="end-session"),
    path("language", account.set_language, name="language"),
    path("venue", account.choose_venue, name="venue"),
    path("", overview.overview, name="overview"),
    path("overview/board", overview.overview_board, name="overview-board"),
    path("live", live.live, name="live"),
    path("live/board", live.live_board, name="live-board"),
    path("lanes/<int:device_id>/switch", live.switch_lane, name="switch-lane"),
    path("stations/<int:station_id>/switch", live.switch_station, name="switch-station"),
    path("orders/new", issue.issue, name="issue"),
    path("orders/<str:number>/refund", refund.refund, name="refund"),
    path("orders/<str:number>/revocation", orders.revocation, name="revocation"),
    path("orders/<str:number>/<int:position>/qr", qr.qr, name="qr"),
    path("orders/<str:number>/<int:position>/reissue", orders.reissue, name="reissue"),
    path("orders/<str:number>/<int:position>/do/<slug:name>", ticket.act, name="ticket-act"),
    path("orders/<str:number>/<int:position>/cards/<int:pk>/off", ticket.take_off, name="ticket-take-off"),
    path("orders/<str:number>/<int:position>/present", qr.present, name="present"),
    path("orders/<str:number>/<int:position>/presented", qr.presented, name="presented"),
    path("orders/<str:number>/<int:position>/person", reveal.reveal, name="reveal"),
    path("employees/login-rules", login_rules.login_rules, name="login-rules"),
    path("employees/passwords", first_passwords.first_passwords, name="first-passwords"),
    path("employees/admit", employees.admit, name="employee-admit"),
    path("employees/<int:pk>/password", employees.one_time_password, name="one-time-password"),
    path("roles/matrix", role_matrix.matrix, name="role-matrix"),
    path("products/settings", product_settings.settings, name="product-settings"),
    path("products/tickets", tickets.offered, name="product-tickets"),
    path("products/<int:pk>/setup", setup.start, name="product-start"),
    path("products/<int:pk>/setup/<slug:block>", setup.setup, name="product-setup"),
    path("products/<int:pk>/setup/<slug:block>/look", setup.looked_at, name="product-look"),
    path("products/<int:pk>/media", media.add, name="product-media"),
    path("products/<int:pk>/media/change", media.change, name="product-media-change"),
    path("products/<int:pk>/calendar", product_calendar.calendar, name="calendar"),
    path("products/<int:pk>/calendar/cells", product_calendar.cells, name="calendar-cells"),
    path("products/<int:pk>/calendar/table.<slug:suffix>", calendar_imports.download, name="calendar-table"),
    path("products/<int:pk>/calendar/import", calendar_imports.take_in, name="calendar-import"),
    path("products/calendar/import/<int:pk>/apply", calendar_imports.apply, name="calendar-import-apply"),
    path("edges/<int:pk>/enrol", edges.enrolment, name="edge-enrol"),
    path("explain", explain.ask, name="explain"),
    path("explain/<int:pk>", explain.explained, name="explained"),
    path("go", go_to, name="go"),
    path("style", style.style, name="style"),
    path("style/<slug:kind>", style.style_confirm, name="style-confirm"),
    path("work", work_list, name="work-list"),
    path("work/<int:pk>", work, name="work"),
    path("work/<int:pk>/cancel", work_cancel, name="work-cancel"),
    path("work/<int:pk>/file", work_file, name="work-file"),
    # Declared sections. After the pages above, which have their own views.
    path("<slug:key>", listing, name="section-list"),
    path("<slug:key>/new", create, name="section-create"),
    path("<slug:key>/export.<slug:suffix>", export, name="section-export"),
    path("<slug:key>/import", import_view.take_in, name="section-import"),
    path("<slug:key>/import/template.<slug:suffix>", import_view.template, name="section-import-template"),
    path("<slug:key>/import/<int:pk>", import_view.apply, name="section-import-apply"),
    path("<slug:key>/filters/new", saved_view.save, name="filter-save"),
    path("<slug:key>/filters/<int:pk>", saved_view.change, name="filter-change"),
    path("<slug:key>/filters/<int:pk>/delete", saved_view.delete, name="filter-delete"),
    path("<slug:key>/do/<slug:name>", act_on_rows, name="section-action"),
    path("<slug:key>/<int:pk>", detail, name="section-detail"),
    path("<slug:key>/<int:pk>/edit", edit, name="section-edit"),
]
