"""The key layout of Reelyard's own storage: where each kind of object lies, for which tenant.

    tenants/<tenant>/jobs/<job_id>/<task>-<fence>/<name>              outputs
    tenants/<tenant>/uploads/<upload_id>/info.json, part-<offset>     uploads
    tenants/<tenant>/answers/<digest>                                 first answers to requests
    tenants/<tenant>/dlb/<key>                                        temporary files

Objects outlive releases: keys never change their form. Every function raises `BadRequest` for a
part that no key may have. Pure.
"""

from __future__ import annotations

from reelyard.cluster.storage.filenames import safe_name
from reelyard.cluster.storage.key_rules import check_key, check_segment

TENANTS = "tenants"
"""The folder of all tenants' folders."""

_TEMPORARY = "dlb"
"""As the first API with such files called it."""


def tenant_prefix(tenant: str) -> str:
    """The folder of everything that is a tenant's own, ending in `/`."""
    return f"{TENANTS}/{check_segment(tenant)}/"


def job_prefix(tenant: str, job_id: str) -> str:
    """The folder of everything that a job has stored, ending in `/`."""
    return f"{tenant_prefix(tenant)}jobs/{check_segment(job_id)}/"


def attempt_folder(task: str, fence: int) -> str:
    """The folder of one attempt within that of its job."""
    return f"{check_segment(task)}-{fence}"


def output_key(tenant: str, job_id: str, task: str, fence: int, name: str) -> str:
    """Where an attempt puts one of its outputs: no two attempts share a key."""
    folder = job_prefix(tenant, job_id) + attempt_folder(task, fence)
    return check_key(f"{folder}/{safe_name(name)}")


def uploads_prefix(tenant: str) -> str:
    """The folder of a tenant's uploads, each a folder by its id; ends in `/`."""
    return f"{tenant_prefix(tenant)}uploads/"


def answers_prefix(tenant: str) -> str:
    """The folder of first answers to requests with an idempotency key, ending in `/`."""
    return f"{tenant_prefix(tenant)}answers/"


def temporary_prefix(tenant: str) -> str:
    """The folder of files that a tenant puts and fetches by signed URLs, for some days; ends in
    `/`."""
    return f"{tenant_prefix(tenant)}{_TEMPORARY}/"


def temporary_key(tenant: str, name: str) -> str:
    """The key of a temporary file; `name` may have folders."""
    return check_key(temporary_prefix(tenant) + name)
