"""The ways out: SMTP, HTTP, files. Each hands over one message, or raises `DeliveryError`."""
