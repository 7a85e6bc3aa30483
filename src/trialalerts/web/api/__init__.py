"""What other programs ask under ``/api/v1``: JSON, described by OpenAPI."""
