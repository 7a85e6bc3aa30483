"""What stands between the pages and the wire: compressed answers, and forms of other sites."""
