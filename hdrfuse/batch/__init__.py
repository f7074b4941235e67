"""Many brackets in one run: what is found below a folder, merged scene by scene."""
