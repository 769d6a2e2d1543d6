//! The ring: what goes in comes out, whatever happens to it.
