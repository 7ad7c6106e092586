"""Tables and figures of the documentation that no command of the product makes."""
