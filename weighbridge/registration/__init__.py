"""From a finished training to a signed release: the job's claims, the upload, and the registrar."""

from weighbridge.registration.evidence import JobEvidence, lineage_of
from weighbridge.registration.job_record import JOB_RECORD_PATH, JobRecord, as_texts, parse_job_record
from weighbridge.registration.register import Registration, register
from weighbridge.registration.upload import UploadReport, upload
from weighbridge.registration.version_claim import find_release

__all__ = [
    "JOB_RECORD_PATH",
    "JobEvidence",
    "JobRecord",
    "Registration",
    "UploadReport",
    "as_texts",
    "find_release",
    "lineage_of",
    "parse_job_record",
    "register",
    "upload",
]
