"""The straight line a request walks; it knows neither Flask nor a database."""
