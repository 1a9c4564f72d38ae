"""What listens on a port: state machines that decide, and runners that carry out."""
