//! Stories across services, on the real stack.
