"""What an editor announces: read from a file or the catalog, tried by one mail, told of."""
