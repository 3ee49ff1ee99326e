"""What follows from events: deliveries to webhooks, triggers, and the one way out for calls that a server makes."""
