//! Stories across services, on the real stack: see `stories/main.rs`. There is nothing here to use.
