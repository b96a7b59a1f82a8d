"""From hosts to tasks, and from tasks and cutouts to stamps."""
