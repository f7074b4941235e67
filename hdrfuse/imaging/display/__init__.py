"""Display: pictures for the screen."""
