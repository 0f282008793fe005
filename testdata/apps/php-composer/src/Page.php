<?php

declare(strict_types=1);

namespace App;

use Twig\Environment;
use Twig\Loader\FilesystemLoader;

/** Makes pages of templates. */
final class Page
{
    private Environment $twig;

    public function __construct(string $templates)
    {
        $this->twig = new Environment(new FilesystemLoader($templates));
    }

    public function render(string $name, array $values): string
    {
        return $this->twig->render($name, $values);
    }
}
