<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>PHP</title><link rel="stylesheet" href="style.css"></head>
<body><p>PHP <?= PHP_VERSION ?> behind <?= htmlspecialchars($_SERVER['SERVER_SOFTWARE']) ?> greets
<?= htmlspecialchars($_GET['name'] ?? 'everybody') ?>.</p></body>
</html>
