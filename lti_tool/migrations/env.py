"""How alembic reaches the database: always through the connection that lti_tool.schema hands over."""

from alembic import context

from lti_tool.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
