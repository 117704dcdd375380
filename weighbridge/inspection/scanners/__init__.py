"""The second layer: scanners of others, each in a process of its own; none clears what our validators blocked."""

from weighbridge.inspection.scanners.contained import GIB, Limits
from weighbridge.inspection.scanners.hayward import HaywardScanner
from weighbridge.inspection.scanners.modelaudit import ModelAuditScanner
from weighbridge.inspection.scanners.protocol import ScannedFile, Scanner, ScanResult

__all__ = ["GIB", "HaywardScanner", "Limits", "ModelAuditScanner", "ScanResult", "ScannedFile", "Scanner"]
