"""Recording a command: it is started with the hook, followed while it lasts, sealed, and restored."""
