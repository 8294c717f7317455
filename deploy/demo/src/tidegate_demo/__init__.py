"""The whole product on the sandbox: two rollouts, real requests, and a terminal that shows them."""
