"""What a row is, how a stamp becomes bytes, who is in which split: the ground that both halves stand on."""
