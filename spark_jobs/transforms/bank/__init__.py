"""Source galaxies: from catalogues and images to unit-flux templates in HDF5."""
