import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DeviceApplication',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('encrypted_master_private_key', models.TextField(editable=False)),
                ('master_public_key', models.CharField(editable=False, max_length=44, verbose_name='master public key')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
            ],
            options={
                'verbose_name': 'device application',
                'verbose_name_plural': 'device applications',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='ApplicationVersion',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=64, verbose_name='version')),
                ('key', models.CharField(editable=False, max_length=24, verbose_name='application key')),
                ('encrypted_secret', models.TextField(editable=False)),
                ('is_supported', models.BooleanField(default=True, help_text='Without it, nothing that this release signs is accepted.', verbose_name='supported')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='tokenauth_devices.deviceapplication', verbose_name='application')),
            ],
            options={
                'verbose_name': 'application version',
                'verbose_name_plural': 'application versions',
                'ordering': ('created_at',),
            },
        ),
        migrations.CreateModel(
            name='Activation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('status', models.PositiveSmallIntegerField(choices=[(1, 'created'), (2, 'waiting to be committed'), (3, 'active'), (4, 'blocked'), (5, 'removed')], default=1, editable=False, verbose_name='status')),
                ('code_digest', models.CharField(editable=False, max_length=64, null=True)),
                ('expires_at', models.DateTimeField(editable=False, verbose_name='expires')),
                ('commit_at_once', models.BooleanField(default=False, editable=False, help_text='Whoever has the code has the device: nobody commits it afterwards.', verbose_name='commit at once')),
                ('encrypted_server_private_key', models.TextField(editable=False)),
                ('server_public_key', models.CharField(editable=False, max_length=44)),
                ('encrypted_transport_key', models.TextField(blank=True, default='', editable=False)),
                ('device_public_key', models.CharField(blank=True, default='', editable=False, max_length=44)),
                ('counter_data', models.CharField(editable=False, max_length=32)),
                ('counter', models.PositiveBigIntegerField(default=0, editable=False, verbose_name='signatures')),
                ('failed_attempts', models.PositiveSmallIntegerField(default=0, editable=False, verbose_name='failed attempts')),
                ('max_failed_attempts', models.PositiveSmallIntegerField(default=5, editable=False, verbose_name='failed attempts at most')),
                ('name', models.CharField(blank=True, default='', editable=False, max_length=255, verbose_name='name')),
                ('platform', models.CharField(blank=True, default='', editable=False, max_length=64, verbose_name='platform')),
                ('device_info', models.CharField(blank=True, default='', editable=False, max_length=255, verbose_name='device')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('committed_at', models.DateTimeField(editable=False, null=True, verbose_name='committed')),
                ('blocked_at', models.DateTimeField(editable=False, null=True, verbose_name='blocked')),
                ('blocked_reason', models.CharField(blank=True, default='', editable=False, max_length=255, verbose_name='why it is blocked')),
                ('removed_at', models.DateTimeField(editable=False, null=True, verbose_name='removed')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used')),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='device_activations', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('version', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokenauth_devices.applicationversion', verbose_name='version')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='activations', to='tokenauth_devices.deviceapplication', verbose_name='application')),
            ],
            options={
                'verbose_name': 'activation',
                'verbose_name_plural': 'activations',
                'ordering': ('-created_at',),
                'permissions': [('commit_activation', 'Can commit activation'), ('block_activation', 'Can block and unblock activation'), ('remove_activation', 'Can remove activation')],
            },
        ),
        migrations.CreateModel(
            name='DeviceToken',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='token id')),
                ('encrypted_secret', models.TextField(editable=False)),
                ('signature_type', models.CharField(choices=[('possession', 'possession'), ('knowledge', 'knowledge'), ('biometry', 'biometry'), ('possession_knowledge', 'possession_knowledge'), ('possession_biometry', 'possession_biometry'), ('possession_knowledge_biometry', 'possession_knowledge_biometry')], editable=False, max_length=32, verbose_name='factors')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used')),
                ('activation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='tokenauth_devices.activation', verbose_name='activation')),
            ],
            options={
                'verbose_name': 'device token',
                'verbose_name_plural': 'device tokens',
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='TemporaryKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('encrypted_private_key', models.TextField(editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('activation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokenauth_devices.activation')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokenauth_devices.applicationversion')),
            ],
        ),
        migrations.CreateModel(
            name='UsedNonce',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_id', models.UUIDField()),
                ('nonce', models.CharField(max_length=32)),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['expires_at'], name='tokenauth_devices_nonce_expiry')],
                'constraints': [models.UniqueConstraint(fields=('token_id', 'nonce'), name='tokenauth_devices_used_nonce')],
            },
        ),
        migrations.AddConstraint(
            model_name='applicationversion',
            constraint=models.UniqueConstraint(fields=('key',), name='tokenauth_devices_version_key'),
        ),
        migrations.AddConstraint(
            model_name='applicationversion',
            constraint=models.UniqueConstraint(fields=('application', 'name'), name='tokenauth_devices_version_name'),
        ),
        migrations.AddIndex(
            model_name='activation',
            index=models.Index(fields=['created_at'], name='tokenauth_devices_created'),
        ),
        migrations.AddIndex(
            model_name='activation',
            index=models.Index(fields=['status', 'expires_at'], name='tokenauth_devices_status'),
        ),
        migrations.AddIndex(
            model_name='activation',
            index=models.Index(fields=['removed_at'], name='tokenauth_devices_removed'),
        ),
        migrations.AddConstraint(
            model_name='activation',
            constraint=models.UniqueConstraint(fields=('code_digest',), name='tokenauth_devices_code_digest'),
        ),
        migrations.AddIndex(
            model_name='temporarykey',
            index=models.Index(fields=['expires_at'], name='tokenauth_devices_key_expiry'),
        ),
    ]
