import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models
from oauth2_provider.settings import oauth2_settings


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(oauth2_settings.APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApplicationPolicy',
            fields=[
                ('application', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='tokenauth_policy', serialize=False, to=oauth2_settings.APPLICATION_MODEL, verbose_name='application')),
                ('grants', models.JSONField(blank=True, default=list, verbose_name='grants')),
                ('scopes', models.JSONField(blank=True, default=list, help_text='All that it may have, and what it asks for where it names none.', verbose_name='scopes')),
                ('first_party', models.BooleanField(default=False, help_text='It is ours: people may be asked for their password by it.', verbose_name='first-party')),
                ('may_introspect', models.BooleanField(default=False, help_text='It may ask about the tokens of other applications.', verbose_name='may introspect')),
                ('organization', models.CharField(blank=True, default='', help_text='Its tokens reach this organization alone; only its members can let it in.', max_length=255, verbose_name='organization')),
                ('allowed_networks', models.JSONField(blank=True, default=list, help_text='Empty: any address.', verbose_name='allowed networks')),
                ('disabled_at', models.DateTimeField(blank=True, null=True, verbose_name='disabled')),
                ('secret_fingerprint', models.CharField(blank=True, default='', editable=False, max_length=64)),
            ],
            options={
                'verbose_name': 'policy',
                'verbose_name_plural': 'policies',
            },
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('kid', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='key id')),
                ('private_key', models.TextField(editable=False, verbose_name='private key, encrypted')),
                ('public_key', models.JSONField(editable=False, verbose_name='public key')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='retired')),
                ('published_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='published until')),
            ],
            options={
                'verbose_name': 'signing key',
                'verbose_name_plural': 'signing keys',
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='Authorization',
            fields=[
                ('family', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('scopes', models.JSONField(default=list, verbose_name='scopes')),
                ('organization', models.CharField(blank=True, default='', editable=False, max_length=255, verbose_name='organization')),
                ('code_digest', models.CharField(blank=True, editable=False, max_length=64, null=True)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, editable=False, verbose_name='since')),
                ('refreshed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last refreshed')),
                ('ended_at', models.DateTimeField(blank=True, db_index=True, editable=False, null=True, verbose_name='ended')),
                ('ended_reason', models.CharField(blank=True, default='', editable=False, max_length=255, verbose_name='why it ended')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=oauth2_settings.APPLICATION_MODEL, verbose_name='application')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='oauth_authorizations', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'authorization',
                'verbose_name_plural': 'authorizations',
                'ordering': ('-created_at',),
                'permissions': [('end_authorization', 'Can end authorization')],
                'constraints': [models.UniqueConstraint(fields=('code_digest',), name='tokenauth_oauth_code_digest')],
            },
        ),
    ]
