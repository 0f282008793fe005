<!doctype html>
<title>Laravel</title>
<p>Laravel {{ $version }} on PHP {{ PHP_VERSION }}, visit {{ $visits }}</p>
