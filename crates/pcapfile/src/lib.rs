//! pcapfile.
