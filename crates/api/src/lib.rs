//! The machine interface: HTTP and WebSocket.
