"""TFM_NS_MAILBOX_AGENT: the non-secure core's requests, from the mailbox to the services and back."""
