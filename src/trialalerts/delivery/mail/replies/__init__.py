"""What the replies of mail servers are read by: their text made ready, the tables of codes and words."""
