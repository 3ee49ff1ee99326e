"""What the HTTP servers of this package share: answers, bodies, requests, the protocol, sockets, and who may ask."""
