"""Pass a petition on: channels, embedding in other sites, what search engines and services read."""
