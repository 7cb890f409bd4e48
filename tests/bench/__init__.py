"""How fast is the service? Reference measurements: figures without judgement, no part of the tests."""
