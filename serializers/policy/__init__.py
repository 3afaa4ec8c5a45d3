"""The policy engine: one declaration becomes SQL, schemas, reasons, the disclosure matrix and its version."""
