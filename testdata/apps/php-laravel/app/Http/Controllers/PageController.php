<?php

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Routing\Controller;

class PageController extends Controller
{
    public function index(Request $request)
    {
        $visits = 1 + (int) $request->session()->get('visits', 0);
        $request->session()->put('visits', $visits);
        return view('index', ['version' => app()->version(), 'visits' => $visits]);
    }

    public function state(Request $request)
    {
        return ['environment' => app()->environment(), 'debug' => config('app.debug'), 'secure' => $request->secure(), 'cached' => app()->routesAreCached()];
    }
}
