"""Projects that are not like the sample project, and what must be true in each of them.

``scenarios`` runs under the settings of each; beside a project's settings stands what is true of it
alone. One of them by itself: ``pytest --ds=tests.projects.uuid_user.settings tests/projects``.
"""
