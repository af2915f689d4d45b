"""What the audit's codes mean, in words. A code without words is shown as it is."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit import alarm_names

NAMES: dict[str, str | Promise] = {
    **alarm_names.NAMES,
    "authority.create": _("Certificate authority made"),
    "case.close": _("Conflict closed"),
    "case.reopen": _("Conflict opened again"),
    "case.review": _("Conflict looked at"),
    "device.create": _("Device created"),
    "device.edit": _("Device changed"),
    "device.enabled": _("Device switched"),
    "device.move": _("Device moved"),
    "edge.create": _("Edge created"),
    "edge.enrol": _("Edge enrolled"),
    "edge.enrol_refused": _("Enrolment refused"),
    "edge.revoke": _("Edge revoked"),
    "edge.token": _("Enrolment token made"),
    "employee.create": _("Employee created"),
    "export": _("Exported"),
    "filter.share": _("Saved filter shared"),
    "filter.unshare": _("Saved filter no longer shared"),
    "import": _("Imported"),
    "job.file": _("File of background work fetched"),
    "group.rename": _("Group of same-type stations renamed"),
    "key.kill": _("Key killed"),
    "key.rotate": _("Key rotated"),
    "order.issue": _("Order issued"),
    "order.revoke": _("Order revoked"),
    "product.create": _("Product created"),
    "product.edit": _("Product changed"),
    "product.on_sale": _("Product's sale switched"),
    "product.stations": _("Product's stations changed"),
    "role.grant": _("Role given"),
    "role.withdraw": _("Role taken back"),
    "station.create": _("Station created"),
    "station.edit": _("Station changed"),
    "station.enabled": _("Station switched"),
    "station.join": _("Joined a group of same-type stations"),
    "station.leave": _("Left its group of same-type stations"),
    "station.products": _("Station's products changed"),
    "unit.reissue": _("New code given out"),
    "employee.active": _("Employee activated or deactivated"),
    "employee.edit": _("Employee changed"),
    "employee.login_reset": _("Login reset on the machine"),
    "employee.password": _("Own password changed"),
    "employee.password_reset": _("One-time password given"),
    "login.refused": _("Login refused"),
    "personal.show": _("Visitor unmasked"),
    "policy.second_factor": _("Whom a second factor is asked of"),
    "role.create": _("Role created"),
    "role.delete": _("Role deleted"),
    "role.edit": _("Role renamed"),
    "role.permissions": _("What a role permits changed"),
    "second_factor.codes": _("New recovery codes"),
    "second_factor.disable": _("Second factor switched off by an administrator"),
    "second_factor.recovery": _("Recovery code used"),
    "second_factor.remove": _("Own second factor switched off"),
    "second_factor.set_up": _("Second factor set up"),
    "session.end": _("Sessions ended"),
    "venue.create": _("Venue created"),
    "venue.edit": _("Venue's settings changed"),
}


def action_name(code: str) -> str:
    return str(NAMES.get(code, code))
