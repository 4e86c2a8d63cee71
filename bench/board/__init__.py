"""The board: static pages made from the records of finished cells."""
