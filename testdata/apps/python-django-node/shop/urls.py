"""One page, with a stylesheet that collectstatic gave a name."""

import platform

import django
from django.shortcuts import render
from django.urls import path


def index(request):
    return render(request, "shop/index.html", {"django": django.get_version(), "python": platform.python_version()})


urlpatterns = [path("", index)]
