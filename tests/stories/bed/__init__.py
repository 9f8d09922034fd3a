"""The test bed: a server under test, a service process, the outside world, and a client."""
