<?php

header('Content-Type: text/plain');
echo 'PHP ', PHP_VERSION, ' behind ', $_SERVER['SERVER_SOFTWARE'], ', article ', (int) ($_GET['article'] ?? 0);
