<?php

declare(strict_types=1);

$built = array_map(basename(...), glob(__DIR__ . '/built/*'));
?>
<!doctype html>
<title>PHP with a script</title>
<link rel="stylesheet" href="/built/style.css">
<script src="/built/page.js" defer></script>
<h1>PHP <?= PHP_VERSION ?></h1>
<p><?= implode(', ', $built) ?></p>
