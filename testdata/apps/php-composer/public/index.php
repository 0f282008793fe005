<?php

declare(strict_types=1);

require __DIR__ . '/../vendor/autoload.php';

$app = new Slim\App(['settings' => ['displayErrorDetails' => false]]);

$app->get('/', function ($request, $response) {
    $page = new App\Page(__DIR__ . '/../templates');
    return $response->write($page->render('index.html.twig', ['slim' => Slim\App::VERSION, 'twig' => Twig\Environment::VERSION]));
});
$app->get('/numbers/{number}', function ($request, $response, array $args) {
    $format = new NumberFormatter('de', NumberFormatter::DECIMAL);
    return $response->withJson(['number' => $format->format((int) $args['number'])]);
});
$app->run();
