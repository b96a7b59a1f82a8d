"""From sweep catalogues and coadd bricks to hosts and cutouts."""
