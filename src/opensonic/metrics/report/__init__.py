"""Reports on talking videos: one self-contained HTML page with figures, curves and pictures."""

from opensonic.metrics.report.page import check_report_target, write_report

__all__ = ["check_report_target", "write_report"]
