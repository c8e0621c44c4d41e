from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tokenauth', '0003_list_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='tokenlogin',
            name='reason',
            field=models.CharField(blank=True, choices=[('missing', 'missing'), ('malformed', 'malformed'), ('unknown', 'unknown'), ('expired', 'expired'), ('unused', 'unused'), ('revoked', 'revoked'), ('user_inactive', 'user_inactive'), ('environment', 'environment'), ('ambiguous', 'ambiguous'), ('insufficient_scope', 'insufficient_scope'), ('organization', 'organization'), ('ip_address', 'ip_address'), ('session', 'session'), ('read_only', 'read_only'), ('throttled', 'throttled'), ('device_malformed', 'device_malformed'), ('device_version', 'device_version'), ('device_clock', 'device_clock'), ('device_unknown', 'device_unknown'), ('device_digest', 'device_digest'), ('device_signature', 'device_signature'), ('device_replayed', 'device_replayed'), ('device_factors', 'device_factors'), ('device_inactive', 'device_inactive'), ('device_blocked', 'device_blocked'), ('device_removed', 'device_removed'), ('device_user', 'device_user'), ('device_encryption', 'device_encryption'), ('repeated', 'repeated')], default='', max_length=32, verbose_name='reason'),
        ),
    ]
