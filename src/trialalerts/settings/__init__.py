"""The configuration: read once, into one frozen :class:`Settings`."""

from trialalerts.settings.reading import CONFIG_FILE, Settings, read_settings
from trialalerts.settings.sections import (
    BreakerSettings,
    DatabaseSettings,
    DigestSettings,
    DkimSettings,
    FeedbackSettings,
    HttpSettings,
    LimitSettings,
    LogSettings,
    MailSettings,
    OperatorSettings,
    RetentionSettings,
    ServiceSettings,
    SourceSettings,
    TemplateSettings,
    VocabularySettings,
    WebSettings,
)

__all__ = [
    "CONFIG_FILE",
    "BreakerSettings",
    "DatabaseSettings",
    "DigestSettings",
    "DkimSettings",
    "FeedbackSettings",
    "HttpSettings",
    "LimitSettings",
    "LogSettings",
    "MailSettings",
    "OperatorSettings",
    "RetentionSettings",
    "ServiceSettings",
    "Settings",
    "SourceSettings",
    "TemplateSettings",
    "VocabularySettings",
    "WebSettings",
    "read_settings",
]
