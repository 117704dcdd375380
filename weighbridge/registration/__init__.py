"""From a finished training to a signed release: the job's claims, the upload, and the registrar."""

from weighbridge.registration.job_record import JOB_RECORD_PATH, JobRecord, as_texts, parse_job_record
from weighbridge.registration.upload import UploadReport, upload

__all__ = ["JOB_RECORD_PATH", "JobRecord", "UploadReport", "as_texts", "parse_job_record", "upload"]
