from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('capacity', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='pool',
            name='held',
            field=models.IntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='entry',
            name='why',
            field=models.CharField(choices=[('held', 'Held'), ('sold', 'Sold'), ('booked', 'Booked')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('held__gte', 0), ('held__lte', models.F('taken'))), name='pool_held'),
        ),
    ]
