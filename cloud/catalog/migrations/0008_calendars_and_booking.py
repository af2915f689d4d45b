from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0007_what_stations_sell_and_lanes_verify'),
    ]

    operations = [
        migrations.AddField(
            model_name='ticketproduct',
            name='valid_until',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='ticketproduct',
            name='booking_rules',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='spec',
            name='calendar_revision',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='calendarcell',
            name='revision',
            field=models.PositiveIntegerField(default=0),
        ),
    ]
